"""What tests of hub and satellites need: a hub to talk to, clocks that stand still, dialogues with state machines."""
