/** Descriptions of the errors that every route can answer with, by HTTP status; the same for both APIs. */
export const ERROR_TEXTS = {
  400: 'A parameter or an attribute is missing or not valid.',
  401: 'The user name or the password is missing or wrong, or the session or the token has expired.',
  403:
    'The role of the user is not sufficient; or the session requires the header X-Csrf-Token; or the request comes from a page ' +
    'of another site.',
  413: 'The body is too large.',
  429:
    'The user has too many tasks or transfers in progress, or too many logins with a wrong password came from this address; ' +
    '`Retry-After` says when to try again.',
  500: 'An internal error occurred in the server.',
  503: 'The part of the server that handles the request is not available at the moment.'
} as const
