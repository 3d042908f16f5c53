// Every JSON answer of the API is held against what the site itself says of it, /api/openapi.json: the route, the status, the
// type and the schema. lib.mjs calls it with each answer that a test gets.
import http from 'node:http';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const documents = new Map(); // by address of the site

function fetchDocument(base) {
    return new Promise((resolve, reject) => {
        http.get(`${base}/api/openapi.json`, (res) => {
            const pieces = [];
            res.on('data', (piece) => pieces.push(piece));
            res.on('end', () => (res.statusCode === 200 ? resolve(JSON.parse(Buffer.concat(pieces))) : resolve(null)));
        }).on('error', reject);
    });
}

/** "/api/v1/accounts/{id}" as what fits it; literal segments go before arguments, as the router has it. */
function compilePaths(paths) {
    return Object.entries(paths).map(([path, operations]) => {
        const segments = path.split('/').slice(1);
        return { path, operations, segments, literals: segments.filter((s) => !s.startsWith('{')).length };
    }).sort((a, b) => b.literals - a.literals);
}

class Description {
    constructor(document) {
        this.document = document;
        this.paths = compilePaths(document.paths);
        this.ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
        addFormats(this.ajv);
        this.ajv.addSchema({ $id: 'https://site.invalid/openapi', components: document.components });
        this.compiled = new Map();
    }

    find(pathname) {
        const asked = pathname.split('/').filter((s) => s !== '');
        return this.paths.filter((p) => p.segments.length === asked.length &&
            p.segments.every((s, i) => s === asked[i] || (s.startsWith('{') && asked[i] !== '')));
    }

    resolve(thing) {
        while (thing?.$ref)
            thing = thing.$ref.slice(2).split('/').reduce((at, key) => at[key], this.document);
        return thing;
    }

    validator(key, schema) {
        if (!this.compiled.has(key)) {
            const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"https://site.invalid/openapi#/components/'));
            this.compiled.set(key, this.ajv.compile(absolute));
        }
        return this.compiled.get(key);
    }
}

async function describe(base) {
    if (!documents.has(base))
        documents.set(base, fetchDocument(base).then((d) => d && new Description(d)));
    return documents.get(base);
}

// What any address of the API may be answered without having been described: by the gateway, before a route is found. It has
// the shape of every refusal all the same.
const GATEWAY = [413, 414, 429, 431, 502, 503, 504];

/** What is wrong with one answer, or null. */
export async function schemaProblem(base, method, target, answer) {
    const { pathname } = new URL(target, base);
    if (!/^\/(api|oauth)\//.test(pathname) || ['HEAD', 'OPTIONS'].includes(method))
        return null;
    const description = await describe(base);
    if (!description)
        return null;
    const found = description.find(pathname);
    const operation = found.map((p) => p.operations[method.toLowerCase()]).find((o) => o);
    if (!operation)
        return undescribed(description, found, pathname, answer);
    const response = description.resolve(operation.responses[answer.status]);
    if (!response)
        return GATEWAY.includes(answer.status) ? refusalProblem(description, pathname, answer) : `${operation.operationId} may not answer ${answer.status}: ${answer.html.slice(0, 300)}`;
    return bodyProblem(description, operation.operationId, response, answer);
}

function undescribed(description, found, pathname, answer) {
    if ([404, 405].includes(answer.status) || (found.length === 0 && !pathname.startsWith('/api/')))
        return null;
    // A request that cannot be read is refused before anybody looks for its route.
    return [400, ...GATEWAY].includes(answer.status) ? refusalProblem(description, pathname, answer) : `no such operation, but ${answer.status}`;
}

function refusalProblem(description, pathname, answer) {
    const own = pathname.startsWith('/api/deeplink/'), name = own ? 'Problem' : 'Error';
    return bodyProblem(description, `a refusal of ${pathname}`, { content: {
        [own ? 'application/problem+json' : 'application/json']: { schema: { $ref: `#/components/schemas/${name}` } } } }, answer);
}

function bodyProblem(description, id, response, answer) {
    const types = Object.keys(response.content ?? {});
    const type = (answer.headers['content-type'] ?? '').split(';')[0];
    if (types.length === 0)
        return answer.body.length === 0 ? null : `${id} answers ${answer.status} with a body`;
    if (!types.includes(type))
        return `${id} answers ${answer.status} as ${type}, not ${types}`;
    const validate = description.validator(`${id} ${answer.status} ${type}`, response.content[type].schema);
    if (validate(JSON.parse(answer.body.toString('utf8'))))
        return null;
    return `${id} ${answer.status}: ${validate.errors.slice(0, 5).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`).join('; ')}`;
}
