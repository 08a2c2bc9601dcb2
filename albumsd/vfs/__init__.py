"""The tree without FUSE: path → node, listings, contents. Plain functions; no await, no kernel, no thread of its own.

``node`` the two kinds of things in the tree · ``tree`` the root and what hangs from it · ``folders`` a module per kind
of folder · ``renditions`` original, preview, info, link · ``info`` the text about an asset · ``context`` what folders
may ask of the mount · ``traces`` which names an asset has · ``effects`` what a change of rows does to names.
"""
