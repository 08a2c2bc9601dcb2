"""Nearest vectors: arrays in, arrays out. Knows no asset, no database and no model.

``index`` is the door (``Index``); ``rows`` keeps the vectors and compares a query with all of them, ``stock`` has those
of this moment; ``graph`` is hnswlib's graph over them and the measure of its recall, ``upkeep`` builds it and follows
the rows, ``files`` keeps it on disk; ``memory`` says how much is free. Why it is made so, with figures:
docs/decisions/0006.
"""

from .index import Index as Index
from .index import sweep as sweep
