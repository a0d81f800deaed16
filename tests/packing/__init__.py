"""How well workers pack jobs onto nodes: their own code in a simulated time, beside schedules made from lists."""
