import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { invalidFields, unknownFields } from "./harness/models.ts";
import { nameOf, objects, PROFILES, profileArgs, type KubeObject } from "./harness/render.ts";

/** Every object of every value file, those that are the same in several once. */
async function everyObject(): Promise<readonly KubeObject[]> {
  const all = await Promise.all(PROFILES.map((profile) => objects(...profileArgs(profile))));
  return [...new Map(all.flat().map((object) => [JSON.stringify(object), object])).values()];
}

suite("every object of every value file", () => {
  let all: readonly KubeObject[] = [];
  before(async () => {
    all = await everyObject();
    assert.ok(all.length > 60);
  });

  test("has no field that Kubernetes does not know, and none without a value", async () => {
    assert.deepEqual(await unknownFields(all), []);
  });

  test("has what its kind requires, in the forms it requires", async () => {
    assert.deepEqual(await invalidFields(all), []);
  });
});

suite("the check of fields itself sees", () => {
  const planted = async (change: (set: KubeObject) => unknown): Promise<readonly [number, number]> => {
    const set = (await objects()).find(({ kind }) => kind === "DaemonSet");
    assert.ok(set);
    const wrong = JSON.parse(JSON.stringify(set)) as KubeObject;
    change(wrong);
    return [(await unknownFields([wrong])).length, (await invalidFields([wrong])).length];
  };
  type Template = { spec: { template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } } } };

  test("a field that is none, deep in a pod", async () => {
    const [unknown] = await planted((set) =>
      Object.assign((set as unknown as Template).spec.template.spec.containers[0] ?? {}, { readOnly: true }),
    );
    assert.equal(unknown, 1);
  });

  test("a field without a value", async () => {
    const [unknown] = await planted((set) => Object.assign((set as unknown as Template).spec.template.spec, { affinity: null }));
    assert.equal(unknown, 1);
  });

  test("a number where a text belongs, and a required field that is not there", async () => {
    const [, text] = await planted((set) => Object.assign((set as unknown as Template).spec.template.spec, { hostname: 7 }));
    assert.equal(text, 1);
    const [, absent] = await planted((set) => Reflect.deleteProperty((set as unknown as Template).spec, "template"));
    assert.equal(absent, 1);
  });
});

test("an object's name says what it is of", async () => {
  const names = (await objects(...profileArgs("full"))).map(nameOf);
  assert.deepEqual(
    names.filter((name) => !/ darner|harbor-ca/.test(name)),
    [],
  );
});
