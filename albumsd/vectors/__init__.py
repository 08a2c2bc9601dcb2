"""Nearest vectors: arrays in, arrays out. Knows no asset, no database and no model.

``index`` is the door (``Index``); ``rows`` keeps the vectors and compares a query with all of them; ``graph`` is
hnswlib's graph over them and the measure of its recall; ``files`` keeps the graph on disk. Why it is made so, with
figures: docs/decisions/0006.
"""

from .index import Index as Index
from .index import sweep as sweep
