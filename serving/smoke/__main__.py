"""`python -m serving.smoke`."""

from serving.smoke.command import main
from sesrec_tf.command_line import run_command

if __name__ == "__main__":
    run_command(main)
