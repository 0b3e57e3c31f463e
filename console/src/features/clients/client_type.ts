export interface Client {
  client_id: string;
  status: string;
  username: string | null;
  address: string;
  listener: string;
  in_flight: number;
  lag_messages: number;
  held_back_seconds: number;
}

export interface Listed extends Client {
  subscriptions: number;
  protocol?: string;
  certificate_serial?: string | null;
  created?: string;
}

export interface Subscription {
  filter: string;
  qos: number;
  no_local: boolean;
  retain_as_published: boolean;
  identifier?: number;
  where?: string;
  user_properties?: { name: string; value: string }[];
  user_properties_left_out?: boolean;
  in_flight?: number;
  in_flight_at_least?: boolean;
  lag_messages?: number;
  lag_at_least?: boolean;
  [field: string]: unknown;
}

export interface ConnectProperties {
  user_properties?: { name: string; value: string }[];
  user_properties_left_out?: boolean;
  [property: string]: unknown;
}

export interface Whole extends Client {
  subscription_count: number;
  protocol?: string;
  keep_alive_seconds?: number;
  receive_maximum?: number;
  session_expiry_seconds?: number;
  created?: string;
  clean_start?: boolean | null;
  connect_properties?: ConnectProperties | null;
  will?: unknown;
  certificate?: unknown;
}

export const pathOf = (id: string) => `/clients/${encodeURIComponent(id)}`;
