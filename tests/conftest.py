"""What every test shares."""

import os

from hypothesis import HealthCheck, settings

# Two shared cores make single examples slow now and then; what a property says does not depend on time.
settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("hub")

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
