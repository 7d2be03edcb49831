"""`hub feed check`: an agency hears what the gate would refuse, in its own rows and columns and without values."""

from pathlib import Path

from tests.demo_hub import DemoHub


def test_a_good_file_passes(waiting: DemoHub, tmp_path: Path) -> None:
    file = next((waiting.root / "landing" / "csc" / "contacts").glob("*.csv"))
    good = tmp_path / file.name
    # Further down lie the slips every supplier makes now and then.
    good.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:100]), encoding="utf-8")
    told = waiting.execute("feed", "check", str(good), "--feed", "csc__contacts")
    assert "csc" in told


def test_a_bad_row_is_told_by_row_and_column_without_its_value(waiting: DemoHub, tmp_path: Path) -> None:
    file = next((waiting.root / "landing" / "csc" / "contacts").glob("*.csv"))
    lines = file.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    row = lines[3].split(",")
    row[header.index("cont_contact_date")] = "31/02/2026"
    lines[3] = ",".join(row)
    bad = tmp_path / file.name
    bad.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = waiting.run("feed", "check", str(bad), "--feed", "csc__contacts", fails=True)
    assert "cont_contact_date" in told
    assert "3" in told
    assert "31/02/2026" not in told


def test_a_file_of_no_known_feed_is_told_what_to_say(waiting: DemoHub, tmp_path: Path) -> None:
    stray = tmp_path / "something.csv"
    stray.write_text("a,b\n1,2\n", encoding="utf-8")
    assert "--feed" in waiting.run("feed", "check", str(stray), fails=True)
