import type { Outside } from './sentinels.ts';

/**
 * Stands in front of every attack: what it knows of the outside, and `reached(...things)`, which walks all
 * that can be got at from these and names what is not of the sandbox: another realm, Node, isolated-vm.
 */
export function guestKit(outside: Outside & { readonly lair: string }): string {
  return `const OUTSIDE = ${JSON.stringify(outside)};\n${REACHED}\n`;
}

const REACHED = `
const { getPrototypeOf, getOwnPropertyDescriptor } = Object;
const { ownKeys, apply } = Reflect;
const isArray = Array.isArray, TextOf = String, SetOf = Set, push = Array.prototype.push, pop = Array.prototype.pop;
const hasSeen = Set.prototype.has, addSeen = Set.prototype.add, matches = RegExp.prototype.test;
const FOREIGN = /^(process|require|module|ivm|isolated|_ivm|Isolate|Reference|Callback|ExternalCopy|NativeModule|applySync|applySyncPromise|applyIgnored|derefInto|copyInto|createContextSync|compileScriptSync|evalClosureSync|hostCall|startTimer|stopTimer|settleError)$/;
function reached(...things) {
  const seen = new SetOf(), found = [], queue = [];
  for (let i = 0; i < things.length; i++) apply(push, queue, [[things[i], '$' + i]]);
  for (let n = 0; queue.length > 0 && n < 20000; n++) {
    const [value, path] = apply(pop, queue, []);
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue;
    if (apply(hasSeen, seen, [value])) continue;
    apply(addSeen, seen, [value]);
    try {
      const made = typeof value === 'function' ? value : value.constructor;
      const Make = typeof made === 'function' ? made.constructor : undefined;
      if (typeof Make === 'function' && typeof Make.prototype === 'function') {
        if (Make('return this')() !== globalThis) apply(push, found, [path + ': another realm']);
        if (Make('return typeof process + typeof require')() !== 'undefinedundefined') apply(push, found, [path + ': node']);
      }
    } catch { /* it does not let itself be called: not a way out */ }
    let keys = [];
    try { keys = ownKeys(value); apply(push, queue, [[getPrototypeOf(value), path + '.__proto__']]); } catch { continue; }
    for (let k = 0; k < keys.length && k < 500; k++) {
      const name = TextOf(keys[k]);
      if (apply(matches, FOREIGN, [name])) apply(push, found, [path + '.' + name]);
      let slot;
      try { slot = getOwnPropertyDescriptor(value, keys[k]); } catch { continue; }
      if (slot === undefined) continue;
      apply(push, queue, [[slot.value, path + '.' + name], [slot.get, path + '.get ' + name], [slot.set, path + '.set ' + name]]);
    }
  }
  return found;
}
`;
