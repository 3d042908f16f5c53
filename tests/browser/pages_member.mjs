// Every page as a member sees it: libpages.mjs.
// harness: set registration = approval
// harness: set rate_limits = no
import { lookAtAll } from './libpages.mjs';

await lookAtAll('member');
