"""Any table of people through one call: nothing to train, nothing to configure, and bad tables end well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.linkage_scores import score
from benchmarks.people_at_size import make_people
from models.linkage.table import LinkedTable, link_table
from models.linkage.table.standardise import standardise_table

ROWS = [
    # one person: a nickname, another way of writing the date, a moved postcode
    ("a1", "Elizabeth", "Ashdown", "2011-02-13", "F", "NM1 1AA"),
    ("a2", "Lizzie", "Ashdown", "13/02/2011", "f", "nm11aa"),
    ("a3", "Elizabeth", "Ashdwon", "2011-02-13", None, None),
    # her brother, at the same address
    ("b1", "Thomas", "Ashdown", "2014-07-01", "M", "NM1 1AA"),
    ("b2", "Tom", "Ashdown", "2014-07-01", "M", "NM1 1AA"),
    # nobody else
    ("c1", "Priya", "Okonkwo", "2009-09-09", "F", "NM4 2XY"),
    ("d1", None, None, None, None, None),
    ("d2", "UNKNOWN", "UNKNOWN", "1900-01-01", None, "ZZ99 3VZ"),
]


def town(rows: list[tuple[object, ...]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["record_id", "forename", "surname", "birth_date", "sex", "postcode"])


def persons(table: pd.DataFrame, **call: object) -> list[set[object]]:
    found = link_table(table, **call).persons  # type: ignore[arg-type]
    return [set(group) for _, group in found.groupby("person")["record_id"]]


def test_a_small_table_says_who_is_who() -> None:
    assert persons(town()) == [{"a1", "a2", "a3"}, {"b1", "b2"}, {"c1"}, {"d1"}, {"d2"}]


def test_the_order_of_rows_changes_nothing() -> None:
    turned = town().iloc[::-1].reset_index(drop=True)
    assert sorted(map(sorted, persons(turned))) == sorted(map(sorted, persons(town())))


def test_records_kept_apart_are_never_one_person() -> None:
    assert not any({"a1", "a2"} <= group for group in persons(town(), apart=[("a1", "a2")]))


def test_columns_may_have_other_names_or_be_absent() -> None:
    other = town().rename(columns={"forename": "first", "birth_date": "dob", "record_id": "n"}).drop(columns="sex")
    found = persons(other, record_id="n", columns={"forename": "first", "birth_date": "dob"})
    assert {"b1", "b2"} in found
    assert persons(town()[["record_id"]]) == [{row[0]} for row in ROWS]


def test_an_identifier_joins_what_the_rest_does_not() -> None:
    rows = town([("a", "Jo", "Ray", None, None, None), ("b", "Jo", "Lowe", None, "F", "NM1 1AA")])
    rows["card"] = ["77-1234", "771234"]
    assert len(persons(rows)) == 2
    assert len(persons(rows, identifiers=["card"])) == 1


@pytest.mark.parametrize("rows", [ROWS[:0], ROWS[:1], ROWS[6:7]], ids=["empty", "one record", "nothing known"])
def test_tables_with_nothing_to_link(rows: list[tuple[object, ...]]) -> None:
    assert len(link_table(town(rows)).persons) == len(rows)


def test_one_identifier_on_thousands_of_rows_links_nobody() -> None:
    many = pd.DataFrame(
        {
            "record_id": range(5000),
            "surname": [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}ton" for n in range(5000)],
            "card": "123456",
        }
    )
    found = link_table(many, identifiers=["card"])
    assert found.persons["person"].nunique() == 5000
    assert found.placeholders.set_index("reason")["records"]["card_shared"] == 5000


def test_a_hundred_thousand_equal_placeholders_cost_nothing() -> None:
    same = pd.DataFrame({"record_id": range(100_000), "forename": "UNKNOWN", "surname": "Baby", "postcode": "ZZ99 3VZ"})
    found = link_table(same)
    assert found.persons["person"].nunique() == 100_000
    assert found.edges.empty


def test_wrong_calls_are_told_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="no column 'record_id'"):
        link_table(town().drop(columns="record_id"))
    with pytest.raises(ValueError, match="an id of its own"):
        link_table(pd.concat([town(), town()]))
    with pytest.raises(ValueError, match="not in the table: dob"):
        link_table(town(), columns={"birth_date": "dob"})


def registry(people: int = 60) -> pd.DataFrame:
    """Strangers, two records of each: the second misspelt, and without a postcode in every third case."""
    rng, rows = np.random.default_rng(4), []
    names = np.array(["Amelia", "Bruno", "Carmen", "Dmitri", "Esther", "Farouk", "Gwen", "Hamish", "Imogen", "Jorge"])
    for n in range(people):
        surname = (
            "".join(rng.choice(list("bcdfghjklmnprstvw"), 3)) + "o" + "".join(rng.choice(list("lmnrst"), 2)) + "ey"
        )
        born = str(np.datetime64("1950-01-02") + int(rng.integers(0, 20_000)))
        place = f"{rng.integers(10_000, 99_999)}"
        rows.append((f"{n}-0", names[n % 10], surname, born, None, place))
        rows.append((f"{n}-1", names[n % 10], surname[:2] + surname[3:], born, None, None if n % 3 == 0 else place))
    return town(rows)


def right(found: list[set[object]], people: int = 60) -> int:
    return sum({f"{n}-0", f"{n}-1"} in found for n in range(people))


def test_however_a_column_is_written_it_says_the_same() -> None:
    table = registry(12).assign(postcode=lambda rows: rows["postcode"].fillna("10115"))
    iso = table["birth_date"].str
    ways = {
        "day first": table.assign(birth_date=iso.replace(r"(\d{4})-(\d\d)-(\d\d)", r"\3/\2/\1", regex=True)),
        "eight digits with a time": table.assign(birth_date=iso.replace("-", "") + " 00:00:00"),
        "a number": table.assign(birth_date=iso.replace("-", "").astype(float)),
        "timestamps": table.assign(birth_date=pd.to_datetime(table["birth_date"])),
        "capitals": table.assign(forename=table["forename"].str.upper(), surname=table["surname"].str.upper()),
        "marks on letters": table.assign(surname=table["surname"].str.replace("o", "ö")),
        "a code as a number": table.assign(postcode=table["postcode"].astype(float)),
        "one column of names": table.drop(columns="surname").assign(
            forename=table["forename"] + " " + table["surname"]
        ),
        "one column, surname first": table.drop(columns="forename").assign(
            surname=table["surname"] + ", " + table["forename"]
        ),
    }
    columns = {name: name for name in ("forename", "surname", "birth_date", "sex", "postcode")}
    said = standardise_table(table, columns, [])[0]
    for way, changed in ways.items():
        assert standardise_table(changed, columns, [])[0].equals(said), way


@pytest.mark.parametrize("gone", ["surname", "postcode"])
def test_a_column_may_be_wholly_missing(gone: str) -> None:
    found = persons(registry().drop(columns=gone))
    assert right(found) >= 35
    assert sum(len({str(record).split("-")[0] for record in group}) > 1 for group in found) <= 2


def test_dates_of_which_only_the_year_is_known_and_a_column_of_one_value() -> None:
    table = registry()
    assert right(persons(table.assign(birth_date=table["birth_date"].str[:4], postcode="2000"))) >= 55


def test_dates_before_there_were_calendars_are_still_dates() -> None:
    rows = [("a", "Cnut", "Sweynson", "0995-04-09", "M", None), ("b", "Cnut", "Sweynson", "09/04/0995", "M", None)]
    assert persons(town(rows)) == [{"a", "b"}]


def test_twins_of_a_table_with_families_stay_two() -> None:
    rng = np.random.default_rng(1)
    rows, letters = [], list("bcdfghjklmnprstvw")
    for family in range(150):
        surname = "".join(rng.choice(letters, 2)) + "a" + "".join(rng.choice(letters, 3)) + "er"
        place = f"NM{family % 9 + 1} {family % 7 + 1}{chr(65 + family % 20)}{chr(65 + family % 13)}"
        twins = family % 15 == 0
        days = rng.permutation(np.arange("2008-01-02", "2018-12-31", dtype="datetime64[D]"))[:3].astype(str)
        for child, name in enumerate(["Oliver", "Amelia", "Ruby"]):
            born = days[0 if twins and child < 2 else child]
            for copy in range(2):
                sent = name if copy == 0 else name[:-1]
                rows.append((f"{family}-{child}-{copy}", sent, surname, born, "MFF"[child], place))
    found = persons(town(rows))
    assert sorted(map(sorted, found)) == sorted(
        [f"{family}-{child}-0", f"{family}-{child}-1"] for family in range(150) for child in range(3)
    )


def test_the_weights_are_those_of_splink_with_the_model_learnt() -> None:
    import duckdb
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    from models.linkage import duck, weigh
    from models.linkage.table import comparisons
    from models.linkage.values import Values

    table = registry(20).assign(sex=lambda rows: np.where(rows["record_id"].str.endswith("0"), "F", None))
    table.loc[5, ["forename", "surname"]] = [table["surname"][5], None]
    columns = {name: name for name in ("forename", "surname", "birth_date", "sex", "postcode")}
    frame = standardise_table(table, columns, [])[0]
    frame.insert(0, "node", np.arange(len(frame)))
    model = link_table(table).model
    known = {column: pd.factorize(frame[column]) for column in comparisons.TF_COLUMNS}
    share = {column: (np.arange(len(values)) + 1) / (3 * len(values)) for column, (_, values) in known.items()}
    with duckdb.connect() as con:
        duck.load_nodes(con, frame)
        compared = weigh.compare(Values(con, frame), model["comparisons"], *np.triu_indices(len(frame), 1))
        rarity = {column: (code, share[column]) for column, (code, _) in known.items()}
        ours = weigh.match_weights(compared, model, rarity)
        api = DuckDBAPI(connection=con)
        linker = Linker(
            api.register(con.table("node_plain"), dataset_display_name="people"),
            model | {"blocking_rules_to_generate_predictions": ["1 = 1"]},
        )
        for column, (_, values) in known.items():
            con.register(f"told_{column}", pd.DataFrame({column: values, f"tf_{column}": share[column]}))
            con.execute(f"create table rare_{column} as select * from told_{column}")
            told = api.register(con.table(f"rare_{column}"), dataset_display_name=f"tf_in_{column}")
            linker.table_management.register_term_frequency_lookup(told, column)
        scored = linker.inference.predict()
        theirs = con.sql(f"select match_weight from {scored.physical_name} order by node_l, node_r").fetchnumpy()
    assert len(ours) == len(table) * (len(table) - 1) // 2
    np.testing.assert_allclose(ours, np.asarray(theirs["match_weight"]), atol=1e-6)


@pytest.mark.parametrize("tables", [2, 3])
def test_tables_linked_with_each_other_have_at_most_one_record_a_person_each(tables: int) -> None:
    """Everybody is in the first table twice over, and who is alike in one table is still two."""
    rows = registry()
    again = rows[rows["record_id"].str.endswith("0")]
    rows = pd.concat([rows, again.assign(record_id=again["record_id"] + "-again")], ignore_index=True)
    rows["file"] = np.select(
        [rows["record_id"].str.endswith("again"), rows["record_id"].str.endswith("1")], ["first", "second"], "first"
    )
    if tables == 3:
        third = rows[rows["file"] == "second"]
        rows = pd.concat([rows, third.assign(record_id=third["record_id"] + "-third", file="third")], ignore_index=True)
    found = link_table(rows, source="file", link_type="link_only")
    of = rows.assign(person=found.persons["person"]).groupby("person")["file"]
    assert (of.size() == of.nunique()).all()
    assert (of.size() == tables).sum() >= 55
    file = rows.set_index("record_id")["file"]
    edges = found.edges
    assert (file[edges["record_id_l"]].to_numpy() != file[edges["record_id_r"]].to_numpy()).all()


def test_linking_and_finding_duplicates_in_several_tables_is_what_one_table_of_all_gives() -> None:
    rows = registry(20).assign(file=lambda known: known["record_id"].str[-1])
    both = link_table(rows, source="file", link_type="link_and_dedupe")
    pd.testing.assert_frame_equal(both.persons, link_table(rows).persons)


def test_two_files_of_one_person_each_are_linked_better_when_told_so() -> None:
    """FEBRL 4, the people of a tenth of it: an original in one file, a garbled copy in the other."""
    folder = Path(__file__).parents[2] / "benchmarks" / "data" / "febrl"
    files = [pd.read_csv(folder / f"dataset4{f}.csv.gz", skipinitialspace=True, dtype=str) for f in "ab"]
    rows = pd.concat(files, keys=["a", "b"], names=["file", None]).reset_index(level="file")
    who = rows["rec_id"].str.split("-").str[1].astype(int)
    rows = rows[who < 500].reset_index(drop=True)
    truth = rows["rec_id"].str.split("-").str[1]
    call = {"record_id": "rec_id", "columns": {"forename": "given_name", "birth_date": "date_of_birth"}}

    def f1(**more: str) -> float:
        found = link_table(rows, **call, **more).persons["person"].to_numpy()  # type: ignore[arg-type]
        alike = pd.DataFrame({"person": found, "truth": truth})
        pairs = [
            (n * (n - 1) / 2).sum()
            for n in (alike.groupby(by).size() for by in ("person", "truth", ["person", "truth"]))
        ]
        return float(2 * pairs[2] / (pairs[0] + pairs[1]))

    apart = f1(source="file", link_type="link_only")
    assert apart >= 0.98
    assert apart >= f1()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"link_type": "link"}, "link_type is one of dedupe_only"),
        ({"link_type": "link_only"}, "needs source="),
        ({"source": "file"}, "takes no source"),
        ({"source": "sheet", "link_type": "link_only"}, "source column 'sheet' must name"),
        ({"source": "postcode", "link_type": "link_only"}, "source column 'postcode' must name"),
        ({"source": "file", "link_type": "link_only"}, "names one table only"),
    ],
)
def test_sources_that_do_not_go_with_the_link_type_are_refused(call: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        link_table(town().assign(file="a"), **call)  # type: ignore[arg-type]


def family(*people: tuple[str, str, str], surname: str = "Ashdown", place: str = "NM1 1AA") -> list[tuple[object, ...]]:
    return [(f"{surname}-{n}", name, surname, born, sex, place) for n, (name, born, sex) in enumerate(people)]


def test_in_a_table_of_families_surname_and_home_say_little_about_two_of_one_home() -> None:
    """Bill and William, born years apart: one person misdated among strangers, but hardly where homes hold kin."""
    rng, rows = np.random.default_rng(2), []
    for n in range(60):
        surname = (
            "".join(rng.choice(list("bcdfghjklmnprstvw"), 3)) + "o" + "".join(rng.choice(list("lmnrst"), 2)) + "ey"
        )
        born = np.sort(rng.choice(np.arange("2006-01-02", "2019-12-01", dtype="datetime64[D]"), 3, replace=False))
        names = [("Hamish", "M"), ("Imogen", "F"), ("Jorge", "M")]
        own = [(name, str(day), sex) for (name, sex), day in zip(names, born, strict=True) for _ in range(2)]
        rows += family(*own, surname=surname, place=f"{10_000 + n}")
    rows += family(("William", "2009-03-14", "M"), ("Bill", "2015-10-27", "M"), surname="Quellington", place="99999")
    edges = link_table(town(rows)).edges.set_index("record_id_l")
    brothers = edges.loc["Quellington-0"]
    assert brothers["adjusted_by"] == "kin"
    assert brothers["adjusted_weight"] < brothers["match_weight"] - 6


@pytest.fixture(scope="module")
def many_families() -> tuple[pd.DataFrame, np.ndarray, LinkedTable]:
    """12,000 records of families without any identifier, who each is of, and what was found."""
    people = make_people(12_000)
    rows = people.records.assign(record_id=np.arange(12_000))
    rows["birth_date"] = rows["birth_date"].astype(str).where(rows["birth_date"].notna(), None).astype(object)
    table = rows[["record_id", "forename", "surname", "birth_date", "sex", "postcode"]]
    return table, people.person, link_table(table)


def test_strangers_of_one_name_and_age_stay_strangers_however_many_people_there_are(many_families) -> None:
    _, truth, found = many_families
    scores = score(found.persons["person"].to_numpy(), truth)
    assert scores.precision >= 0.985
    assert scores.recall >= 0.985


def test_what_a_column_teaches_does_not_rest_on_that_column(many_families) -> None:
    """Pairs joined because one date was taken for another once taught that one person's dates often differ."""
    model = many_families[2].model["comparisons"]
    chance = {
        (one["output_column_name"], level["label_for_charts"]): level.get("m_probability")
        for one in model
        for level in one["comparison_levels"]
    }
    # The made people have one right date and one surname in eleven of twelve pairs of one person's records.
    assert chance["birth_date", "another day of the year"] < 0.005
    assert chance["surname", "different"] < 0.13


def test_brothers_and_sisters_are_counted_whatever_they_weigh(many_families) -> None:
    """The rule for kin stays on when the model has learnt to tell brothers from sisters."""
    assert "kin" in set(many_families[2].edges["adjusted_by"].dropna())


def test_one_sex_tells_nothing_of_two_of_one_forename() -> None:
    """Boys are called William; that two Williams are boys is no second piece of evidence."""
    weights = link_table(registry().assign(sex="F")).edges["weights"].map(json.loads)
    assert len(weights)
    assert all(told["sex"] == 0.0 for told in weights if told["forename"] > 0)


def test_a_table_of_strangers_pays_nothing_for_families() -> None:
    rows = registry(80)
    wrong = rows["record_id"].str.endswith("1") & (rows.index % 5 == 1)
    rows.loc[wrong, "forename"] = "Kirsten"
    found = link_table(rows.assign(postcode=rows["postcode"].fillna("10115")))
    assert set(found.edges["adjusted_by"].dropna()) == set()
    assert right([set(group) for _, group in found.persons.groupby("person")["record_id"]], 80) >= 70


def test_a_father_and_a_son_of_one_name_stay_two() -> None:
    rng, rows = np.random.default_rng(3), []
    for n in range(60):
        surname = (
            "".join(rng.choice(list("bcdfghjklmnprstvw"), 3)) + "o" + "".join(rng.choice(list("lmnrst"), 2)) + "ey"
        )
        father = np.datetime64("1970-01-02") + int(rng.integers(0, 3000))
        son = father + int(rng.integers(9000, 14000))
        name = ["Bruno", "Dmitri", "Farouk", "Hamish"][n % 4]
        rows += family(
            *((name, str(day), "M") for day in (father, father, son, son)), surname=surname, place=f"{n + 100}"
        )
    found = persons(town(rows))
    assert sum(len(group) == 2 for group in found) >= 118


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.assign(surname="Smith"),
        lambda rows: rows.assign(sex="X", postcode="00000"),
        lambda rows: rows.assign(forename=None, postcode=None),
        lambda rows: rows.assign(birth_date=pd.NaT, sex=1.0),
        lambda rows: rows.assign(card=np.arange(len(rows)) // 2 + 0.0),
        lambda rows: rows.assign(card=pd.array(np.arange(len(rows)) // 2, dtype="Int64")),
        lambda rows: rows.assign(forename=[b"x"] * len(rows)),
    ],
)
def test_odd_columns_end_well(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    rows = change(registry(15))
    found = link_table(rows, identifiers=["card"] if "card" in rows else [])
    assert len(found.persons) == len(rows)
    if "card" in rows:
        assert right([set(group) for _, group in found.persons.groupby("person")["record_id"]], 15) == 15
