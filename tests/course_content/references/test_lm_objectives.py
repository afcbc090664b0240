"""The reference of lm_objectives against torch's cross-entropy, Hugging Face's BERT and GPT-2, and T5's figure.

Hugging Face's are compared where `transformers` is installed. It is no dependency of the course.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.course_content.references.solutions import NO_TRANSFORMERS, close, reference


def labels_and_logits(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    logits = torch.randn(3, 6, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 8, (3, 6), generator=generator)
    labels[0, 2:] = -100
    labels[2, 0] = -100
    return logits, labels


def test_losses_are_cross_entropy_of_torch(generator: torch.Generator) -> None:
    ours = reference("lm_objectives")
    logits, labels = labels_and_logits(generator)
    assert close(ours.mlm_loss(logits, labels), F.cross_entropy(logits.flatten(0, 1), labels.flatten()), 1e-12)
    next_token = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    assert close(ours.clm_loss(logits, labels), next_token, 1e-12)
    for loss in (ours.mlm_loss, ours.clm_loss):
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, labels), logits.clone().requires_grad_())


def test_mlm_loss_is_that_of_bert(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=8, **sizes)).eval()
    _, labels = labels_and_logits(generator)
    with torch.no_grad():
        out = bert(torch.randint(0, 8, (3, 6), generator=generator), labels=labels)
    assert close(reference("lm_objectives").mlm_loss(out.logits, labels), out.loss, 1e-6)  # float32


def test_clm_loss_is_that_of_gpt2(generator: torch.Generator) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=8, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    ).eval()
    _, labels = labels_and_logits(generator)
    with torch.no_grad():
        out = gpt2(torch.randint(0, 8, (3, 6), generator=generator), labels=labels)
    assert close(reference("lm_objectives").clm_loss(out.logits, labels), out.loss, 1e-6)  # float32


def test_span_corruption_is_figure_2_of_t5() -> None:
    words = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week", "."]
    text, target = reference("lm_objectives").span_corruption(list(range(11)), [(8, 1), (2, 2)], 32099)
    sentinels = {32099: "<X>", 32098: "<Y>", 32097: "<Z>"}

    def show(ids: list[int]) -> str:
        return " ".join(sentinels.get(token) or words[token] for token in ids)

    assert show(text) == "Thank you <X> me to your party <Y> week ."
    assert show(target) == "<X> for inviting <Y> last <Z>"
