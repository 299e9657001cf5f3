package org.peftsweep.method;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.*;
import java.util.*;
import org.peftsweep.checkpoint.*;
import org.peftsweep.compute.*;
import org.peftsweep.data.*;
import org.peftsweep.model.*;

public class TmpExports {
  public static void main(String[] args) throws Exception {
    Path out = Path.of(args[0]);
    Path golden = Path.of("src/test/resources/golden");
    for (String name : List.of("bert_a2", "roberta_a1", "llama_gqa")) {
      Family family =
          name.startsWith("bert")
              ? Family.BERT
              : name.startsWith("rob") ? Family.ROBERTA : Family.LLAMA;
      Set<Role> roles = EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);
      List<Method> methods = new ArrayList<>();
      MethodContractTest.methodsOnFamilies()
          .forEach(
              a -> {
                if (a.get()[1] == family) methods.add((Method) a.get()[0]);
              });
      for (Method method : methods) {
        try (Backend backend = Backends.open("cpu", 1);
            Tape tape = new Tape(backend);
            SafeTensors batches =
                SafeTensors.open(golden.resolve("peft/batches_" + name + ".safetensors"));
            Checkpoint base = Checkpoint.open(golden.resolve("models").resolve(name));
            Model model =
                Models.build(
                    base.config(),
                    base.config().labels().size(),
                    backend,
                    new CheckpointWeights(base).forTrial(backend, new Seeds(0)))) {
          Batch batch = GoldenMethodsTest.batch(batches, 0);
          Set<Role> t = method.usesTargets() ? roles : EnumSet.noneOf(Role.class);
          method.attach(
              new Attachment(model, t, backend, new Seeds(1), Preparations.alone(List.of(batch))));
          SplittableRandom random = new SplittableRandom(5);
          for (Parameter p : model.trainable()) {
            float[] v = PeftAdapter.floats(p, backend);
            for (int i = 0; i < v.length; i++) v[i] += (float) (0.1 * random.nextGaussian());
            backend.write(v, 0, p.value(), 0, v.length);
          }
          tape.startEvaluation();
          Tensor logits = model.logits(tape, batch).value();
          float[] v = new float[(int) logits.size()];
          backend.read(logits, 0, v, 0, v.length);
          Path folder =
              out.resolve(
                  name + "-" + Methods.id(method) + "-" + Integer.toHexString(method.hashCode()));
          Path b = folder.resolve("base");
          MergedModel.writeBase(b, base.config(), model, backend);
          MergedModel.write(folder.resolve("merged"), base.config(), model, backend);
          if (method.peft(model, 10).isPresent()) {
            PeftAdapter.write(
                folder.resolve("adapter"),
                method,
                model,
                AdapterLayout.NONE,
                backend,
                b.toString(),
                10);
          }
          new ObjectMapper()
              .writeValue(
                  folder.resolve("expected.json").toFile(),
                  Map.of(
                      "logits",
                      v,
                      "method",
                      method.toString(),
                      "batches",
                      golden
                          .resolve("peft/batches_" + name + ".safetensors")
                          .toAbsolutePath()
                          .toString(),
                      "types",
                      family == Family.BERT));
        }
      }
    }
  }
}
