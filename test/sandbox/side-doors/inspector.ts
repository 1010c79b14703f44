import { attack } from '../harness.ts';

export default attack({
  name: 'the debugger and the profiler',
  handler: `async () => {
    debugger;
    const found = ['profile', 'profileEnd', 'takeHeapSnapshot', 'context', 'table', 'dir'].filter(
      (name) => typeof console[name] === 'function' && /profile|heap|context/i.test(name),
    );
    return { body: [found, typeof inspector_(), ...reached(console)] };
    function inspector_() {
      try {
        return new Function('return inspector')();
      } catch {
        return undefined;
      }
    }
  }`,
  expect: { body: [[], 'undefined'] },
});
