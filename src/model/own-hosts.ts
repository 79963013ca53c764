/** What the names of hosts end in that the runner gives to builds, for reasons of its own: callers give none that do. */
export const OWN_HOSTS = '.buildbot.invalid';
