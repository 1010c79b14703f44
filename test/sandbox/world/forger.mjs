// A cell whose program was replaced: speaks the protocol until it is called, then runs the text it was loaded
// with as the body of an async function of `cell`.
import { createRequire } from 'node:module';
import { Socket } from 'node:net';

const socket = new Socket({ fd: 3, readable: true, writable: true });
const SHAPE =
  '{"lifecycle":[],"health":false,"endpoints":[],"hooks":[],"events":[],"exports":[],"jobs":[],"channels":[],"commands":[],"formats":[],"providers":[]}';
const AsyncFunction = (async () => undefined).constructor;

/** A text as a frame, whatever it says. */
function frame(text) {
  const body = Buffer.from(text);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

const send = (value) => socket.write(frame(JSON.stringify(value)));
const hello = () => send({ t: 'hello', pid: process.pid, node: process.version });
const reply = (id, value) => send({ t: 'reply', id, value: JSON.stringify(value), cpuUs: 0 });
const beating = setInterval(() => send({ t: 'heartbeat', heapBytes: 0, cpuUs: 0 }), 100);

let attack = '';

function onFrame(message) {
  if (message.t === 'load') {
    attack = message.load.code;
    send({ t: 'reply', id: message.id, value: SHAPE, cpuUs: 0 });
  }
  if (message.t === 'call') run(message.id);
  if (message.t === 'stop') process.exit(0);
}

function run(id) {
  const cell = {
    id,
    socket,
    frame,
    send,
    hello,
    reply: (value) => reply(id, value),
    hostCall: (number, call = id) =>
      send({ t: 'host-call', id: number, call, name: 'state.get', params: '{"key":"k"}' }),
    silence: () => clearInterval(beating),
    require: createRequire(import.meta.url),
  };
  new AsyncFunction('cell', attack)(cell).catch((error) =>
    reply(id, `failed: ${error.code ?? error.message}`),
  );
}

let rest = Buffer.alloc(0);
socket.on('data', (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
    const end = 4 + rest.readUInt32BE();
    const message = JSON.parse(rest.subarray(4, end));
    rest = rest.subarray(end);
    onFrame(message);
  }
});
socket.on('close', () => process.exit());
hello();
