def multiply_adds(plan: object, f: object) -> int:
    return 0
