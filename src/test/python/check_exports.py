"""Holds exported trials to what Hugging Face's libraries make of them.

    python -m venv venv && venv/bin/pip install torch transformers peft
    venv/bin/python src/test/python/check_exports.py output/export/best ...

For each folder that jobs/export.sh wrote: the adapter over its base and the merged model must give the same logits to
1e-5, and a text of 5,000 words must go through a pipeline. Prints a line each; ends with 1 if one does not hold.
"""

import pathlib
import sys

import torch
from peft import AutoPeftModelForSequenceClassification
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

TEXTS = ["A text.", "Another one, which is longer than the first.", "Short"]


def logits(model, tokenizer):
    inputs = tokenizer(TEXTS, TEXTS[::-1], truncation=True, padding=True, return_tensors="pt")
    model.config.pad_token_id = tokenizer.pad_token_id
    with torch.no_grad():
        return model.eval()(**inputs).logits


def check(folder):
    merged = str(folder / "merged")
    model = AutoModelForSequenceClassification.from_pretrained(merged)
    ours = logits(model, AutoTokenizer.from_pretrained(merged))
    answer = pipeline("text-classification", model=merged)("word " * 5000, truncation=True)
    difference = 0.0
    adapter = str(folder / "adapter")
    if pathlib.Path(adapter).exists():
        adapted = AutoPeftModelForSequenceClassification.from_pretrained(
            adapter, num_labels=model.config.num_labels)
        difference = (logits(adapted, AutoTokenizer.from_pretrained(adapter)) - ours).abs().max().item()
    print(f"{folder}: adapter and merged differ by {difference:.1e}, a long text is {answer[0]['label']}")
    return difference < 1e-5


if __name__ == "__main__":
    results = [check(pathlib.Path(folder)) for folder in sys.argv[1:]]
    sys.exit(0 if results and all(results) else 1)
