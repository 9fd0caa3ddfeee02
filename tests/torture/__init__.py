"""What the project must bear: kills, readers and writers during swaps, bad inputs, wrong settings.

Run as ``make torture``, or ``python -m torture`` with ``python`` and ``tests`` on the path.
"""
