"""Systems of the house and of others that give rows: databases, REST interfaces, mailboxes, topics, folders. Each is read from where it was left."""
