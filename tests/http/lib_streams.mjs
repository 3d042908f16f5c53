// Clients of streams for the tests: an EventSource over fetch, as WHATWG's HTML has it, and a WebSocket.
import http from 'node:http';
import WebSocket from 'ws';
import { BASE, until } from './lib.mjs';

// JSON where it is; an id stays the text that it is.
const parsed = (text) => { try { return /^\d+$/.test(text) ? text : JSON.parse(text); } catch { return text; } };

// An open EventSource: `events` [{ event, data, id }] as they come, `comments`, `retry`, `lastId`, `closed`.
export class Events {
    constructor(path, { token, cookie, lastId } = {}) {
        Object.assign(this, { events: [], comments: [], lastId: lastId ?? '', closed: false, text: '' });
        const headers = { Accept: 'text/event-stream' };
        if (token)
            headers.Authorization = `Bearer ${token}`;
        if (cookie)
            headers.Cookie = cookie;
        if (lastId)
            headers['Last-Event-ID'] = lastId;
        this.opened = new Promise((resolve) => {
            this.request = http.get(new URL(path, BASE), { headers }, (answer) => {
                Object.assign(this, { status: answer.statusCode, headers: answer.headers });
                answer.setEncoding('utf8');
                answer.on('data', (part) => this.take(part));
                answer.on('close', () => { this.closed = true; });
                resolve(this);
            });
            this.request.on('error', () => { this.closed = true; resolve(this); });
        });
    }
    static open(path, options) { return new Events(path, options).opened; }
    take(part) {
        this.text += part;
        for (let end; (end = this.text.indexOf('\n')) >= 0;) {
            this.line(this.text.slice(0, end));
            this.text = this.text.slice(end + 1);
        }
    }
    line(line) {
        this.block ??= { event: 'message', data: [], id: undefined };
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === '') {
            if (this.block.id !== undefined)
                this.lastId = this.block.id;
            if (this.block.data.length > 0)
                this.events.push({ ...this.block, data: this.block.data.join('\n') });
            this.block = undefined;
        } else if (name === '')
            this.comments.push(value);
        else if (name === 'data')
            this.block.data.push(value);
        else if (name === 'retry')
            this.retry = Number(value);
        else
            this.block[name] = value;
    }
    /** The events of that name, their data parsed where it is JSON. */
    of(name) {
        return this.events.filter((e) => e.event === name).map((e) => parsed(e.data));
    }
    close() { this.request.destroy(); }
}

// An open WebSocket: `messages` as they come, `closed` the code, `refused` the status of an upgrade that was not.
export class Socket {
    constructor(query = '', { token, protocols = [] } = {}) {
        this.messages = [];
        const headers = token ? { Authorization: `Bearer ${token}` } : {};
        this.ws = new WebSocket(`${BASE.replace(/^http/, 'ws')}/api/v1/streaming${query}`, protocols, { headers });
        this.ws.on('message', (data) => this.messages.push(JSON.parse(data.toString())));
        this.ws.on('close', (code) => { this.closed = code; });
        this.opened = new Promise((resolve) => {
            this.ws.on('open', () => resolve(this));
            this.ws.on('error', () => resolve(this));
            this.ws.on('unexpected-response', (request, answer) => { this.refused = answer.statusCode; request.destroy(); resolve(this); });
        });
    }
    static open(query, options) { return new Socket(query, options).opened; }
    say(command) { this.ws.send(typeof command === 'string' ? command : JSON.stringify(command)); }
    /** Payloads of an event, of a stream when one is named. */
    of(event, stream) {
        return this.messages.filter((m) => m.event === event && (!stream || JSON.stringify(m.stream) === JSON.stringify(stream)))
            .map((m) => parsed(m.payload));
    }
    async errors(n) {
        await until(() => this.messages.filter((m) => m.error).length >= n, `${n} errors`);
        return this.messages.filter((m) => m.error);
    }
    close() { this.ws.close(); }
}

/** Writes posts until each of these has had one, and gives its id: a subscription is not answered, and what was written before
 * has come by then. write: writes a post and gives its id. streams: with of(event), a socket's one subscription is one(…). */
export function heard(write, ...streams) {
    return until(async () => {
        const id = await write();
        return until(() => streams.every((stream) => stream.of('update').some((s) => s.id === id)) && id, 'it', 2).catch(() => false);
    }, 'a post on each of the streams', 60);
}
export const one = (socket, ...name) => ({ of: (event) => socket.of(event, name) });
