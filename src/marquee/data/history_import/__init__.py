"""Bring your own history: what a viewer watched and rated elsewhere, as events of titles of the catalogue.

`read_history` reads an export of any known format (formats.py), `import_history` finds its titles and tells its events.
"""

from marquee.data.history_import.formats import FORMATS, read_history
from marquee.data.history_import.history import Deed, History, Malformed, Skip, Sought
from marquee.data.history_import.importing import HistoryImport, Unmatched, import_history

__all__ = [
    "FORMATS",
    "Deed",
    "History",
    "HistoryImport",
    "Malformed",
    "Skip",
    "Sought",
    "Unmatched",
    "import_history",
    "read_history",
]
