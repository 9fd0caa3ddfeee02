"""The yardstick: the study in pandas, scipy and scikit-learn, as one would write it in a notebook.

It is meant to be good code of its kind: vectorised, library functions with their defaults, no
detour. Nothing in it comes from `customer_segmentation`.
"""
