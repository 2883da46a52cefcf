/** What protects the server from its callers. */

/** How much one user may have at a time, so that no user takes the capacity of the others. No setting changes it. */
export interface UserLimits {
  /** Exports that have not ended. */
  readonly exports: number
  /** Tasks of any kind that have not ended. */
  readonly tasks: number
  /** Imports whose files are being received. */
  readonly uploads: number
  /** Files and archives that are being sent. */
  readonly downloads: number
  /** Streams of events that are open. */
  readonly streams: number
}

export interface Protection {
  /** Pages of these origins may use the API; none: no other than our own. */
  readonly corsOrigins: readonly string[]
  /** Addresses and networks of proxies whose `X-Forwarded-…` counts. */
  readonly trustedProxies: readonly string[]
  /** Who may read the API's description. */
  readonly docs: 'public' | 'login' | 'off'
  readonly maxConnections: number
  readonly userLimits: UserLimits
}

/** No program that means well comes near the limits. */
export const DEFAULT_PROTECTION: Protection = {
  corsOrigins: [],
  trustedProxies: [],
  docs: 'public',
  maxConnections: 4_000,
  userLimits: { exports: 1_000, tasks: 2_000, uploads: 16, downloads: 500, streams: 100 }
}
