"""Where each method of dictionary learning stands; importing this imports none of them.

A job that learns dictionaries imports only the methods that it is asked for, and the key of a dictionary holds the code
of its own method: an edit of one method makes the dictionaries of that method stale, and no others.
"""

# To add a method: one file in thresh/dictionaries/methods with its class, one line here.
METHODS = {
    "auto": "online.OnlineDictionary",
    # Sparse autoencoders.
    "topk": "topk.TopK",
    "batchtopk": "batchtopk.BatchTopK",
    "matryoshka": "matryoshka.Matryoshka",
    "relu": "relu.ReLU",
    "p_anneal": "p_anneal.PAnneal",
    "jumprelu": "jumprelu.JumpReLU",
    "gated": "gated.Gated",
    "mp": "mp.MatchingPursuit",
    "archetypal": "archetypal.Archetypal",
    "relaxed_archetypal": "archetypal.RelaxedArchetypal",
    "spade": "spade.SpaDE",
    "lista": "lista.LISTA",
    "universal": "universal.Universal",
    # Sparse coding.
    "online": "online.OnlineDictionary",
    "mod": "mod.OptimalDirections",
    "wlsc": "wlsc.WeightedSparseCoding",
    "nmf": "nmf.Nonnegative",
    "semi_nmf": "semi_nmf.SemiNonnegative",
    # Baselines and controls.
    "pca": "pca.PrincipalComponents",
    "ica": "ica.IndependentComponents",
    "kmeans": "kmeans.KMeans",
    "random": "random.RandomDictionary",
    "shuffled": "shuffled.ShuffledDictionary",
}

# Methods that learn nothing of the activations but their size.
CONTROLS = ("random", "shuffled")

# Methods that draw nothing, so that another seed finds the same.
SEEDLESS = ("pca",)

# Methods that learn from several layers at once: one code for the same stimuli.
JOINT = ("universal",)


def module_of(method: str) -> str:
    """Module that has the class of a method."""
    return f"thresh.dictionaries.methods.{METHODS[method].rpartition('.')[0]}"


def class_name_of(method: str) -> str:
    return METHODS[method].rpartition(".")[2]
