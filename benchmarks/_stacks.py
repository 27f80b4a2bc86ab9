"""Deep stacks on MNIST, 784-1000-500-250-30 and mirrored: with pairs trained first, and all at once."""

from __future__ import annotations

import copy
from typing import Any

import torch
from _mnist import Digits, Rows, drawn, error, first_of_each, greys, part
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import KNeighborsClassifier

import isthmus
from isthmus.parts.initialise import initialise

ROWS, EPOCHS, WIDTH, HIDDEN = 10_000, 16, 30, (1000, 500, 250)
LABELLED = ROWS // 100
TUNED_EPOCHS = 100  # over the labelled rows
CLASSES = 10

WAYS: dict[str, dict[str, Any]] = {
    "pairs first": {"pretrain": "autoencoder"},
    "denoising pairs first": {"pretrain": "denoising"},
    "all at once": {"pretrain": None},
    "machines first, sigmoid": {"pretrain": "rbm", "activation": "sigmoid"},
    "all at once, sigmoid": {"pretrain": None, "activation": "sigmoid"},
}
COMPONENTS = "principal components"
FEW, SCRATCH = "accuracy with 1 % of the labels", "the same from scratch"


def stack(method: str, seed: int) -> dict[str, Any]:
    """All figures of one way to train, on rows of the seed's own, judged on the test set."""
    train, test = drawn(ROWS, seed), part("test")
    if method == COMPONENTS:
        pca = PCA(WIDTH, random_state=seed).fit(train.x)
        encode, rebuilt = pca.transform, pca.inverse_transform(pca.transform(test.x))
        head = LogisticRegression(max_iter=1000).fit(encode(train.x[:LABELLED]), train.y[:LABELLED])
        found = judged(train, encode(train.x), encode(test.x), rebuilt)
        return found | {FEW: float(head.score(encode(test.x), test.y))}
    shape = {"hidden_dims": HIDDEN, "latent_dim": WIDTH, "likelihood": "bernoulli", "scaling": "none"}
    model = isthmus.StackedAutoencoder(**WAYS[method], **shape, epochs=EPOCHS, random_state=seed).fit(train.x)
    found = judged(train, model.transform(train.x), model.transform(test.x), model.reconstruct(test.x))
    return found | labelled(model, train, seed)


def judged(train: Digits, codes: NDArray[Any], codes_test: NDArray[Any], rebuilt: Rows) -> dict[str, Any]:
    """Test error; accuracy of five nearest neighbours; agreement of ten clusters with the digits; some pictures."""
    test = part("test")
    neighbours = KNeighborsClassifier(5).fit(codes, train.y)
    clusters = KMeans(CLASSES, n_init=10, random_state=0).fit_predict(codes_test)
    return {
        "test error": error(test.x, rebuilt),
        "kNN accuracy": float(neighbours.score(codes_test, test.y)),
        "NMI of clusters": float(normalized_mutual_info_score(test.y, clusters)),
        "pictures": greys(rebuilt[first_of_each()]),
    }


def labelled(model: Any, train: Digits, seed: int) -> dict[str, float]:
    """Accuracy with a hundredth of the labels: from the trained encoder, and from weights as they are drawn."""
    blank = copy.deepcopy(model)
    initialise(blank.network_, torch.Generator().manual_seed(seed))
    few, test = Digits(train.x[:LABELLED], train.y[:LABELLED]), part("test")
    scores = [
        float(start.finetune(few.x, few.y, epochs=TUNED_EPOCHS, random_state=seed).score(test.x, test.y))
        for start in (model, blank)
    ]
    return {FEW: scores[0], SCRATCH: scores[1]}
