// A tap on each frame as it leaves encrypted or arrives encrypted.
const channel = new BroadcastChannel('digests');
const through = ReadableStream.prototype.pipeThrough;
const to = ReadableStream.prototype.pipeTo;
let side = 'received';

function tap(stream, at) {
  return through.call(stream, new TransformStream({
    async transform(frame, controller) {
      if (frame.data && side === at) {
        const hash = await crypto.subtle.digest('SHA-256', frame.data);
        channel.postMessage({ side: at, digest: Array.from(new Uint8Array(hash, 0, 12), (b) => b.toString(16).padStart(2, '0')).join('') });
      }
      controller.enqueue(frame);
    },
  }));
}
// A worker either encodes or decodes in these tests: `kind: encode` tells which.
self.addEventListener('message', ({ data }) => { if (data?.kind === 'encode') side = 'sent'; }, true);
self.addEventListener('rtctransform', ({ transformer }) => { if (transformer.options?.kind === 'encode') side = 'sent'; }, true);
ReadableStream.prototype.pipeThrough = function pipeThrough(...rest) { return through.apply(tap(this, 'received'), rest); };
ReadableStream.prototype.pipeTo = function pipeTo(...rest) { return to.apply(tap(this, 'sent'), rest); };
