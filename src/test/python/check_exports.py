"""Holds exported trials to what Hugging Face's libraries make of them.

    python -m venv venv && venv/bin/pip install torch transformers peft
    venv/bin/python src/test/python/check_exports.py output/export/best ...

For each folder that jobs/export.sh wrote: the adapter over its base and the merged model must give the same logits to
1e-5, and a text of 5,000 words must go through a pipeline; of a language model, both must write the same. What it
writes is printed, to be held against jobs/generate.sh. A folder that org.peftsweep.method.ExportedModel wrote has
expected.json with ids and the logits that adapter and merged model must give; --record keeps those of the adapter over
its base, or else of the merged model, in recorded.json beside it. (PEFT reads BOFT of several factors on GPUs alone.)
Prints a line each; ends with 1 if one does not hold.
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


def check_expected(folder, records):
    expected = json.loads((folder / "expected.json").read_text())
    ids = torch.tensor(expected["input_ids"])
    mask = torch.tensor(expected["attention_mask"])
    wanted = torch.tensor(expected["logits"])
    writes = expected["task"] == "ForCausalLM"
    plain, adapted = (
        (AutoModelForCausalLM, AutoPeftModelForCausalLM) if writes
        else (AutoModelForSequenceClassification, AutoPeftModelForSequenceClassification))
    differences = {}
    kept = None
    for kind, loader in (("merged", plain), ("adapter", adapted)):
        if not (folder / kind).exists():
            continue
        more = {} if writes or kind == "merged" else {"num_labels": wanted.shape[1]}
        model = loader.from_pretrained(str(folder / kind), **more).eval()
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask).logits
        kept = logits[mask.bool()] if writes else logits
        differences[kind] = ((kept - wanted).abs().max() / max(1, wanted.abs().max())).item()
    if records:
        rows = [[round(value, 6) for value in row] for row in kept.tolist()]
        (folder / "recorded.json").write_text(json.dumps(rows) + "\n")
    told = ", ".join(f"{kind} {difference:.1e}" for kind, difference in differences.items())
    print(f"{folder}: from what is expected differ {told or 'none, there are none'}", flush=True)
    return all(difference < 1e-5 for difference in differences.values())


def holds(folder, records):
    if (folder / "expected.json").exists():
        try:
            return check_expected(folder, records)
        except Exception as fault:
            print(f"{folder}: is not read: {type(fault).__name__}: {' '.join(str(fault).split())}", flush=True)
            return False
    return check_writing(folder) if is_writing(folder) else check(folder)


if __name__ == "__main__":
    records = "--record" in sys.argv
    folders = [pathlib.Path(folder) for folder in sys.argv[1:] if folder != "--record"]
    results = [holds(folder, records) for folder in folders]
    sys.exit(0 if results and all(results) else 1)
