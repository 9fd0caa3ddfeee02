"""Spark in dbt's own process: dbt-spark's session method, with Python models, whole seeds and a look at the raw files.

dbt finds it without an install step where the folder ``python`` is on Python's path, as `make spark` puts it; a profile
asks for it by ``type: sparksession``.
"""

from dbt.adapters.base import AdapterPlugin

from dbt.adapters.sparksession.connections import SessionCredentials
from dbt.adapters.sparksession.impl import SparksessionAdapter
from dbt.include import sparksession

Plugin = AdapterPlugin(
    adapter=SparksessionAdapter,
    credentials=SessionCredentials,
    include_path=sparksession.PACKAGE_PATH,
    dependencies=["spark"],
)
