class WeightFigures:
    expected = None
    memory = None
    spectra = None
    omitted = ()

    def __init__(self, *a):
        pass

    def add(self, *a):
        pass

    def result(self):
        return self
