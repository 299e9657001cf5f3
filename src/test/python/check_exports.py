"""Holds exported trials to what Hugging Face's libraries make of them.

    python -m venv venv && venv/bin/pip install torch transformers peft
    venv/bin/python src/test/python/check_exports.py output/export/best ...

For each folder that jobs/export.sh wrote: the adapter over its base and the merged model must give the same logits to
1e-5, and a text of 5,000 words must go through a pipeline; of a language model, both must write the same. What it
writes is printed, to be held against jobs/generate.sh. Prints a line each; ends with 1 if one does not hold.
"""

import json
import pathlib
import sys

import torch
from peft import AutoPeftModelForCausalLM, AutoPeftModelForSequenceClassification
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, pipeline

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


def written(model, tokenizer, prompts):
    answers = []
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt")
        if inputs["input_ids"][0, -1] == tokenizer.eos_token_id:
            inputs = {key: value[:, :-1] for key, value in inputs.items()}
        inputs.pop("token_type_ids", None)
        ids = model.eval().generate(**inputs, do_sample=False, max_new_tokens=16)
        answers.append(tokenizer.decode(ids[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
    return answers


def check_writing(folder):
    prompts = (folder / "prompts.txt").read_text().splitlines() if (folder / "prompts.txt").exists() else TEXTS
    merged = str(folder / "merged")
    ours = written(AutoModelForCausalLM.from_pretrained(merged), AutoTokenizer.from_pretrained(merged), prompts)
    adapter = str(folder / "adapter")
    theirs = ours
    if pathlib.Path(adapter).exists():
        theirs = written(AutoPeftModelForCausalLM.from_pretrained(adapter), AutoTokenizer.from_pretrained(adapter), prompts)
    print(f"{folder}: adapter and merged write {'the same' if ours == theirs else 'differently'}: {ours}")
    return ours == theirs


def is_writing(folder):
    config = json.loads((folder / "merged" / "config.json").read_text())
    return config["architectures"][0].endswith("ForCausalLM")


if __name__ == "__main__":
    folders = [pathlib.Path(folder) for folder in sys.argv[1:]]
    results = [check_writing(folder) if is_writing(folder) else check(folder) for folder in folders]
    sys.exit(0 if results and all(results) else 1)
