/** Why a camera or microphone did not start, for a person. */
export function deviceTrouble(error: unknown, what: 'camera' | 'microphone'): string {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `Your browser does not let this page use the ${what}. Click the ${what} or lock symbol beside the address, allow it, and try again.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${what} was found. Plug one in, or join without it.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${what} is in use by another program. Close that program and try again.`;
    default:
      return window.isSecureContext
        ? `The ${what} could not be started. You can join without it.`
        : `Browsers give a ${what} only to pages opened by https. Ask whoever runs this server.`;
  }
}
