# A contender of jobs/bench.sh trials: one LoRA trial on MRPC by Hugging Face PEFT on torch, as its
# trainer does it: random batches of 32 padded to their longest text, AdamW, linear rates, clipping, one
# evaluation on dev. The arguments are the contender, the folders of model and GLUE files, optimizer
# steps and threads; the last line printed is a JSON with the seconds that training and evaluation took.
import csv
import json
import os
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

name, folder, data, steps, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
lora = LoraConfig(
    task_type="SEQ_CLS", r=8, lora_alpha=8, lora_dropout=0.1, target_modules=["query", "value"]
)
model = get_peft_model(model, lora)


def read(part):
    path = os.path.join(data, "MRPC", part + ".tsv")
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    texts = tokenizer(
        [row[3] for row in rows], [row[4] for row in rows], truncation=True, max_length=128
    )
    return [
        {"input_ids": ids, "label": int(row[0])} for ids, row in zip(texts["input_ids"], rows)
    ]


def batch(rows):
    padded = tokenizer.pad({"input_ids": [row["input_ids"] for row in rows]}, return_tensors="pt")
    return padded, torch.tensor([row["label"] for row in rows])


def losses(inputs, labels):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=name == "peft-bf16"):
        return model(**inputs, labels=labels)


train, dev = read("train"), read("dev")
learning = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(learning, lr=1e-3, betas=(0.9, 0.99), weight_decay=0)
total = int(steps)
rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / total)

start = time.perf_counter()
model.train()
done = 0
while done < total:
    order = torch.randperm(len(train)).tolist()
    for at in range(0, len(order), 32):
        loss = losses(*batch([train[i] for i in order[at : at + 32]])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        done += 1
        if done == total:
            break
model.eval()
right = 0
with torch.no_grad():
    for at in range(0, len(dev), 32):
        inputs, labels = batch(dev[at : at + 32])
        right += (losses(inputs, labels).logits.argmax(-1) == labels).sum().item()
print(json.dumps({"seconds": time.perf_counter() - start, "accuracy": right / len(dev)}))
