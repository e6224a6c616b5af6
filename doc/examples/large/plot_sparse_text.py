"""
Text classification with a sparse matrix
========================================

A table of documents by words is nearly all zeros. ``TfidfVectorizer`` makes it a sparse matrix in
CSR form, and ``SETClassifier`` reads it as it is. Neither the data nor the layers are ever dense.
"""

# %%
# The documents are generated, so the example runs offline. The language has 20,000 words, and each
# topic has 300 of them as its own. One word in twelve of a document is a word of its topic; the
# others come from the whole language. In both, few words are frequent and many are rare, as in real
# text.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from sklearn_set import SETClassifier

N_WORDS, N_OWN, N_DOCUMENTS = 20_000, 300, 800
TOPICS = ["astronomy", "cooking", "football", "gardens"]

rng = np.random.default_rng(0)
syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "ar", "en", "il")]
language = np.array(["".join(word) for word in rng.choice(syllables, size=(2 * N_WORDS, 3))])
language = rng.permutation(np.unique(language))[:N_WORDS]
own_words = {topic: rng.choice(language, N_OWN, replace=False) for topic in TOPICS}


def frequencies(n_words):
    """Zipf's law: the second word is half as frequent as the first, the third a third."""
    shares = 1 / np.arange(1, n_words + 1)
    return shares / shares.sum()


def write(topic):
    """A document of 40 to 200 words."""
    length = rng.integers(40, 200)
    n_own = rng.binomial(length, 1 / 12)
    words = [
        *rng.choice(own_words[topic], n_own, p=frequencies(N_OWN)),
        *rng.choice(language, length - n_own, p=frequencies(N_WORDS)),
    ]
    return " ".join(rng.permutation(words))


topics = rng.choice(TOPICS, N_DOCUMENTS)
documents = [write(topic) for topic in topics]
print(topics[0], "-", documents[0][:100], "...")

# %%
# The pipeline takes strings and returns topics. A linear model and naive Bayes stand beside: on
# text they are hard to beat.
train, test, topics_train, topics_test = train_test_split(
    documents, topics, stratify=topics, random_state=0
)
model = make_pipeline(TfidfVectorizer(dtype=np.float32), SETClassifier(random_state=0))
others = [LogisticRegression(C=10, max_iter=1000), MultinomialNB(alpha=0.1)]
for pipeline in (model, *(make_pipeline(TfidfVectorizer(), other) for other in others)):
    accuracy = pipeline.fit(train, topics_train).score(test, topics_test)
    print(f"{type(pipeline[-1]).__name__}: accuracy on new documents {accuracy:.3f}")

# %%
# Both the data and the first layer are sparse:
words = model[:-1].transform(test)
network = model[-1]
for name, table in (("documents x words", words), ("words x neurons", network.coefs_[0])):
    print(f"{name}: {type(table).__name__} of shape {table.shape}, {table.nnz:,} stored values")

# %%
display = ConfusionMatrixDisplay.from_predictions(
    topics_test, model.predict(test), cmap="Blues", colorbar=False
)
display.ax_.set_title("New documents")
plt.show()

# %%
# ``feature_importances_`` is the strength of every word in the network. The topics' own words are
# stronger than the rest of the language:
strengths = network.feature_importances_
vocabulary = model[0].get_feature_names_out()
strongest = np.argsort(strengths)[::-1][:200]
is_own = np.isin(vocabulary, np.concatenate(list(own_words.values())))
print(f"{is_own.mean():.1%} of the words that occur belong to a topic;")
print(f"{is_own[strongest].mean():.1%} of the 200 strongest do, among them")
print(", ".join(vocabulary[strongest[:5]]))
