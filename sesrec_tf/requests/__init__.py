"""What clients and bulk scoring ask of an exported model; free of TensorFlow."""
