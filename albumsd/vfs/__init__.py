"""The tree without FUSE: path → node, listings, contents. Plain functions; no await, no kernel, no thread.

``node`` the two kinds of things in the tree · ``tree`` the root and what hangs from it · ``folders`` a module per kind
of folder · ``info`` the text about an asset · ``traces`` which names an asset has (for invalidation).
"""
