// The client's own E2EE worker behind a tap. Both are imported statically: with an await in between,
// the first messages to the worker would come before it listens, and be lost.
import '/e2ee-tap-streams.mjs';
import '/e2ee.worker.mjs';
