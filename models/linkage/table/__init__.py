"""Linkage of any table of people, for those who have no hub: one function, no trained model, no code.

>>> from models.linkage.table import link_table
"""

from models.linkage.table.link import TABLE_SETTINGS, LinkedTable, link_table

__all__ = ["TABLE_SETTINGS", "LinkedTable", "link_table"]
