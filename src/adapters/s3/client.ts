import { S3Client } from '@aws-sdk/client-s3';
import type { S3Credential } from '../../model/credentials.js';

export const DEFAULT_REGION = 'us-east-1';

/** Milliseconds. */
export const CONNECT = 10_000;
export const IDLE = 60_000;

/**
 * A client for what the caller lends, and for nothing else: whatever the SDK would look up in the machine's environment, profiles or
 * instance metadata is said here, so that a build never acts as the machine and never sends its keys to an endpoint of the machine's.
 */
export function createClient({
  accessKeyId,
  secretAccessKey,
  sessionToken,
  region = DEFAULT_REGION,
  endpoint,
}: S3Credential): S3Client {
  // The SDK's only switch for a line on stderr about the Node version that the caller can do nothing about.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    credentials: {
      accessKeyId,
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken && { sessionToken: sessionToken.reveal() }),
    },
    maxAttempts: 5,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: CONNECT, socketTimeout: IDLE },
    // Stores other than AWS refuse the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ignoreConfiguredEndpointUrls: true,
    defaultsMode: 'standard',
    authSchemePreference: [],
    disableS3ExpressSessionAuth: false,
    sigv4aSigningRegionSet: [region],
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: 'buildbot',
  });
}
