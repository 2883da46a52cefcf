/**
 * What the command line reads from the environment as a client. The server knows the names, and ignores their values.
 */
export const CLIENT_SETTINGS = [
  'FIXDEPOT_URL',
  'FIXDEPOT_USER',
  'FIXDEPOT_PASSWORD',
  'FIXDEPOT_TOKEN',
  'FIXDEPOT_CA_FILE',
  'FIXDEPOT_PROFILE'
] as const

export type ClientSetting = (typeof CLIENT_SETTINGS)[number]
