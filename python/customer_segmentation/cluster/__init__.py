"""K-means and spectral clustering, and what a fit needs: scaling, transforms, canonical numbers."""
