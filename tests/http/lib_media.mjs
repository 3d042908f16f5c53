// Files for the tests of media, and how browsers and apps send them.
import zlib from 'node:zlib';
import { randomBytes } from 'node:crypto';

function chunk(name, data) {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]), out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crcOf(body), body.length + 4);
    return out;
}

// zlib.crc32 is younger than some Node that runs this.
const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++)
        n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
});
function crcOf(bytes) {
    if (zlib.crc32)
        return zlib.crc32(bytes);
    let c = 0xffffffff;
    for (const b of bytes)
        c = table[(c ^ b) & 255] ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
}

/** A whole PNG of one colour. `more` bytes of noise stand behind its end, which no decoder minds. */
export function png(width = 8, height = 8, [r, g, b] = [200, 80, 40], more = 0) {
    const head = Buffer.alloc(13), row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([r, g, b]))]);
    head.writeUInt32BE(width);
    head.writeUInt32BE(height, 4);
    head[8] = 8;
    head[9] = 2;
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
        chunk('IDAT', zlib.deflateSync(Buffer.concat(Array(height).fill(row)))), chunk('IEND', Buffer.alloc(0)), randomBytes(more)]);
}

/** { headers, body } of a multipart form: [[name, text] or [name, bytes, file name, type]…]. */
export function multipart(parts) {
    const boundary = `----test${randomBytes(9).toString('hex')}`, pieces = [];
    for (const [name, value, fileName, type = 'application/octet-stream'] of parts) {
        const file = fileName === undefined ? '' : `; filename="${fileName}"`;
        pieces.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n` +
            (fileName === undefined ? '\r\n' : `Content-Type: ${type}\r\n\r\n`)), Buffer.from(value), Buffer.from('\r\n'));
    }
    pieces.push(Buffer.from(`--${boundary}--\r\n`));
    return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body: Buffer.concat(pieces) };
}

/** Uploads as an app does; the answer of POST /api/v2/media. */
export function upload(client, bytes, { fields = {}, fileName = 'a.png', type = 'image/png', path = '/api/v2/media' } = {}) {
    return client.request('POST', path, multipart([['file', bytes, fileName, type], ...Object.entries(fields)]));
}
