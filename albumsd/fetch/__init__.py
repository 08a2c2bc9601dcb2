"""The one program of albumsd that may use the network: it fetches a model, on a person's word, and ends.

``albumsd models pull`` starts it as ``python -m albumsd.fetch``; nothing imports it, no process of a library knows it.
``download`` gets one file, ``place`` makes a folder of several and puts it where it belongs when all is right.

It is told what to do by a JSON object on its standard input, and says how it goes by one JSON object per line on its
standard output:

    {"folder": path, "files": [
        {"names": [str, …], "urls": [str, …], "sha256s": [hex or "", …], "weights": bool, "optional": bool}]}

    {"file": name, "at": bytes, "of": bytes or null}          now and then
    {"got": name, "bytes": n, "sha256": hex, "checked": "pinned" | "announced" | "no hash known"}
    {"done": folder, "bytes": n}                              the last one, exit code 0
    {"error": sentence, "network": bool}                      the last one, exit code 1, or 3 when another try may help
"""
