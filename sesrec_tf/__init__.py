"""SESRec in TensorFlow and Keras: models that learn from search and recommendation together."""

__version__ = "0.1.0"
