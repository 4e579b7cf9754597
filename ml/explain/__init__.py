"""Why a person got what they got: the decision's own figures, told. Nothing is estimated here."""
