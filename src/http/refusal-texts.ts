/** What the description says of refusals that any route can give. */

export const FORBIDDEN =
  'A session needs the header X-Csrf-Token for this, and it is missing or wrong; or the request comes from a page of another site.'
export const TOO_MANY = 'The user has too much under way; `Retry-After` says when to try again.'
