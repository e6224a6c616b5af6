include "step.pxi"
