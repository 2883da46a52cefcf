/** What the description says of refusals that any route can give. */

export const FORBIDDEN =
  'The role of the login does not allow it; or a session needs the header X-Csrf-Token for it; or the request comes from a page of another site.'
export const TOO_MANY =
  'The user has too much under way, or logins with a wrong password have come from there; `Retry-After` says when to try again.'
