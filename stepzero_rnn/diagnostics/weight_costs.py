def multiply_adds(plan, f):
    return 0
