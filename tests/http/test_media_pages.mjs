// What is stored, as administrators see it, and one's own files, without script.
import { execFileSync } from 'node:child_process';
import { check, equal, finish, member } from './lib.mjs';

function sql(text) {
    return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', process.env.TEST_PG_ADMIN, '-c', text],
        { encoding: 'utf8' }).trim();
}

const ada = await member('ada', { role: 'admin' }), bob = await member('bob');
const bobs = sql("SELECT id FROM users.accounts WHERE handle = 'bob'");

/** A medium of bob's, as a worker has left it. */
function medium(id, { state = 1, bytes = 3000000, post = 'NULL' } = {}) {
    sql(`INSERT INTO media.items (id, owner_id, state, kind, purpose, bytes, source, target_kind, target_id)
        VALUES (${id}, ${bobs}, ${state}, 1, 'post', ${bytes}, '', ${post === 'NULL' ? 'NULL' : "'post'"}, ${post})`);
}

const uploads = () => sql("SELECT count(*) FROM events.outbox WHERE type = 'media.uploaded' AND key = 1003");

medium(1001);
medium(1002, { post: 55 });
medium(1003, { state: 2, bytes: 250000000 });

// ---- one's own

let page = await bob.get('/settings/media');
equal('a member sees what they have', page.status, 200);
check('how much it is', page.text.includes('3 files · 256 MB of 2 GB used'), page.text.slice(0, 900));
check('what has failed', page.text.includes('failed'));
check('only what is used for nothing can be deleted', page.button('/settings/media/1001/delete') && !page.button('/settings/media/1002/delete'));
page = await bob.press(page, '/settings/media/1001/delete');
check('it is said', page.text.includes('The file is deleted.'), page.text.slice(0, 400));
check('and gone', !page.button('/settings/media/1001/delete'));
equal('from the rows', sql('SELECT count(*) FROM media.items WHERE id = 1001'), '0');
equal('what is used is not deleted so', (await bob.act('/settings/media/1002/delete')).status, 422);
equal("others' files neither", (await ada.act('/settings/media/1003/delete')).status, 404);
page = await bob.press(await bob.get('/settings/media'), '/settings/media/1003/retry');
check('what failed is tried again', page.text.includes('The file is being prepared again.'), page.text.slice(0, 400));
equal('by a worker', uploads(), '1'); // who finds no file, and says so
for (let i = 0; i < 45; i++)
    medium(2000 + i, { bytes: 1000 });
page = await bob.get('/settings/media');
const older = page.links().find((l) => l.href.startsWith('/settings/media?before='));
check('there is a page below', older !== undefined);
equal('to the end', (await bob.get(older.href)).links().some((l) => l.href.startsWith('/settings/media?before=')), false);

// ---- all of it

equal('members do not see what others have', (await bob.get('/admin/storage')).status, 403);
sql('UPDATE media.items SET state = 2, due_at = NULL WHERE id = 1003');
page = await ada.get('/admin/storage');
equal('administrators do', page.status, 200);
check('in sums', page.text.includes('47 uploads of members'), page.text.slice(0, 900));
check('by kind', /Pictures 47 files/.test(page.text));
check('by member', /bob 47 files/.test(page.text), page.text.slice(0, 1500));
check('where they are', page.text.includes('They are kept in a folder'));
check('the menu leads here', page.links().some((l) => l.href === '/admin/storage'));
page = await ada.press(page, '/admin/media/1003/retry');
check('they have it tried again', page.text.includes('The file is being prepared again.'), page.text.slice(0, 400));
equal('whoever it belongs to', uploads(), '2');
equal('members may not', (await bob.act('/admin/media/1003/retry')).status, 403);
await finish();
